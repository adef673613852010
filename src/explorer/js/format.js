// How a problem is written for a model, what is asked of it, and what is right: src/data/formats.

// The operands and operators of what a person typed, with or without "=" at its end.
// Throws an Error that says what is wrong.
function readProblem(typed) {
  const text = typed.replace(/\s+/g, "").replace(/[×·]/g, "*").replace(/[÷:]/g, "/")
    .replace(/[−–]/g, "-").replace(/=$/, "");
  if (!text) throw new Error("Type a problem, such as 554+456.");
  const stranger = text.match(/[^-+*/0-9]/u);
  if (stranger) throw new Error(`“${stranger[0]}” is not known here: only digits and + - * /.`);
  if (!/^\d+([-+*/]\d+)+$/.test(text)) {
    throw new Error("A problem has numbers with a sign between them, such as 554+456.");
  }
  return { operands: text.split(/[-+*/]/).map(BigInt), operators: text.match(/[-+*/]/g) };
}

const asTyped = ({ operands, operators }) =>
  operands.map((value, i) => value + (operators[i] ?? "")).join("");

const turned = (digits, fromUnits) => (fromUnits ? [...digits].reverse().join("") : digits);

// The prompt that a model of this format is asked.
function writePrompt({ operands, operators }, format) {
  const written = operands.map((value) =>
    turned(String(value).padStart(format.operand_width, "0"), format.operands_from_units));
  return written.map((number, i) => number + (operators[i] ?? "=")).join("");
}

// The problem of a prompt in this format.
function readPrompt(prompt, format) {
  const { operands, operators } = readProblem(prompt);
  if (!format.operands_from_units) return { operands, operators };
  const numbers = prompt.slice(0, -1).split(/[-+*/]/);
  return { operands: numbers.map((digits) => BigInt(turned(digits, true))), operators };
}

// The answer to a problem, as src/data/problems.py works it out.
function evaluate({ operands, operators }, { precedence, modulus }) {
  let total = 0n, term = operands[0];
  operators.forEach((operator, i) => {
    const operand = operands[i + 1];
    if (operator === "+" || operator === "-") {
      if (precedence === "standard") [total, term] = [total + term, 0n];
      term += operator === "+" ? operand : -operand;
    } else if (operator === "*") {
      term *= operand;
    } else if (operand === 0n || term % operand !== 0n) {
      throw new Error(`${term}/${operand} has no whole result.`);
    } else {
      term /= operand;
    }
  });
  const p = BigInt(modulus), value = total + term;
  return p ? ((value % p) + p) % p : value;
}

// An answer as the format writes it: the sign first, then digits.
function writeAnswer(value, format) {
  const sign = value < 0n ? "-" : "", size = String(value).replace("-", "");
  return sign + turned(size.padStart(format.answer_width, "0"), format.from_units);
}

// What counts of what a model said: with steps before it, the part behind the last "=".
const answerIn = (said, format) => (format.traced ? said.slice(said.lastIndexOf("=") + 1) : said);

// An answer as people write it; what is no number stays as it was said.
function readable(said, format) {
  const text = answerIn(said, format);
  if (!/^-?\d+$/.test(text)) return text;
  const sign = text.startsWith("-") ? "-" : "";
  return String(BigInt(sign + turned(text.replace("-", ""), format.from_units)));
}

// In what a problem is unlike all that a model was trained on; empty if it is not.
function unlike({ operands, operators }, trainings) {
  const differences = trainings.map(({ ops, N, A, B }) => {
    if (!ops) return "";
    if (!operators.every((operator) => ops.includes(operator))) return `${[...ops].join(" ")} only`;
    if (operands.length !== N) return `${N} numbers`;
    const inside = operands.every((value) => value >= BigInt(A) && value <= BigInt(B));
    return inside ? "" : `numbers from ${A} to ${B}`;
  });
  const all = differences.length && differences.every(Boolean);
  return all ? [...new Set(differences)].join(", before that on ") : "";
}
