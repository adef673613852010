// One model on the page: which, at which step of its training, what is switched off, and what it
// says to the problem. Two panels stand side by side.

class Panel {
  constructor(number, index) {
    Object.assign(this, { number, off: new Set() });
    this.choose(index);
  }

  // Another model, as it was when its training ended.
  choose(index) {
    this.index = index;
    this.model = PAGE.models[index];
    this.step = this.model.weights.length - 1;
    this.off.clear();
  }

  get isMixture() {
    return this.model.config.mlp === "moe";
  }

  // Names of elements, unique on the page.
  id(...parts) {
    return ["panel", this.number, ...parts].join("-");
  }

  // The answer to a problem. Throws an Error for one that has none, or for which there is no room.
  answerTo(problem) {
    const { format, config } = this.model;
    const prompt = writePrompt(problem, format), right = evaluate(problem, format);
    const needed = prompt.length + writeAnswer(right, format).length + 2;
    if (needed > config.max_seq_len) {
      throw new Error(`Too long: ${this.model.name} has room for ${config.max_seq_len} tokens.`);
    }
    const said = (off) => {
      const given = answer(modelAt(this.model, this.step), prompt, off);
      const ended = given.steps.at(-1).token === "<eos>";
      const isRight = ended && answerIn(given.text, format) === writeAnswer(right, format);
      return { ...given, ended, isRight };
    };
    const result = said(this.off);
    const whole = this.off.size ? said(new Set()) : result;
    return { ...result, prompt, right, whole, unlike: unlike(problem, this.model.trainings) };
  }

  // The moment that a place means: 0 is "=", behind which the answer begins.
  moment(place) {
    const at = this.result.prompt.length + place;
    return Math.min(Math.max(at, 0), this.result.reading.moments.length - 1);
  }

  // What the answer is, in a line.
  verdict() {
    const { text, ended, isRight, right } = this.result;
    const whole = readable(text, this.model.format) || "nothing";
    return { said: ended ? whole : `${text}… without an end`, isRight, right: String(right) };
  }

  // A switch for a head or an expert.
  toggle(layer, part, number) {
    const name = `${layer} ${part} ${number}`, isOn = !this.off.has(name);
    return h("button", {
      id: this.id("switch", layer, part, number),
      className: "switch",
      type: "button",
      "aria-pressed": String(isOn),
      "aria-label": `Layer ${layer}, ${part} ${number}`,
      title: isOn ? "switch off" : "switch on",
      onclick: () => {
        isOn ? this.off.add(name) : this.off.delete(name);
        answerAgain();
      },
    }, `${part} ${number}`);
  }
}
