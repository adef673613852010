// The forward pass of GPT-2, Llama-2 and Mixtral, as src/models.py, layers.py, attention.py and
// positional.py have it. One token is read after another: a vector of d_model numbers, to which
// each layer adds. What happens on the way is kept, for the pictures.

// PyTorch's nn.Linear: weight is {data, shape: [rows, columns]}, x has as many numbers as columns.
function linear({ weight, bias }, x) {
  const [rows, columns] = weight.shape, y = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = bias ? bias.data[row] : 0;
    for (let column = 0; column < columns; column++) sum += weight.data[at++] * x[column];
    y[row] = sum;
  }
  return y;
}

const rowOf = ({ weight }, row) =>
  weight.data.subarray(row * weight.shape[1], (row + 1) * weight.shape[1]);
const plus = (x, y) => Float64Array.from(x, (value, i) => value + y[i]);
const mean = (x) => x.reduce((sum, value) => sum + value, 0) / x.length;

function softmax(x) {
  const largest = Math.max(...x), powers = x.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

// The indices of the k largest values, the largest first.
const largest = (x, k) => [...x.keys()].sort((a, b) => x[b] - x[a]).slice(0, k);

const silu = (x) => x / (1 + Math.exp(-x));
const gelu = (x) =>
  (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const NORMS = {
  layernorm(x, { weight, bias }) {
    const middle = mean(x), centred = x.map((value) => value - middle);
    const scale = 1 / Math.sqrt(mean(centred.map((value) => value ** 2)) + 1e-5);
    return centred.map((value, i) => value * scale * weight.data[i] + bias.data[i]);
  },
  rmsnorm(x, { weight }) {
    const scale = 1 / Math.sqrt(mean(x.map((value) => value ** 2)) + 1e-5);
    return x.map((value, i) => value * scale * weight.data[i]);
  },
};

const MLPS = {
  gelu: (x, mlp) => linear(mlp.down, linear(mlp.up, x).map(gelu)),
  swiglu(x, mlp) {
    const gate = linear(mlp.gate, x).map(silu), up = linear(mlp.up, x);
    return linear(mlp.down, gate.map((value, i) => value * up[i]));
  },
  // Each token is served by the top_k experts that the router finds likeliest. An expert that is
  // switched off adds nothing where it is chosen.
  moe(x, mlp, config, isOff, trace) {
    const probabilities = softmax(linear(mlp.router, x));
    const biased = mlp.bias ? plus(probabilities, mlp.bias.data) : probabilities;
    const chosen = largest(biased, config.top_k);
    const sum = chosen.reduce((total, expert) => total + probabilities[expert], 0);
    const weights = chosen.map((expert) => probabilities[expert] / sum);
    trace.routing = { probabilities, chosen, weights };
    let y = new Float64Array(x.length);
    chosen.forEach((expert, i) => {
      if (isOff("expert", expert)) return;
      y = plus(y, MLPS.swiglu(x, mlp.experts[expert]).map((value) => weights[i] * value));
    });
    return y;
  },
};

// The positions of whole rows of tokens: NUMBERINGS in src/positional.py.
const isDigit = (token) => /^[0-9]$/.test(token);
const count = (tokens) => tokens.map((_, i) => i);
function abacus(tokens) {
  let place = 0;
  return tokens.map((token) => (place = isDigit(token) ? place + 1 : 0));
}
function coupled(tokens) {
  const equals = tokens.indexOf("="), end = equals < 0 ? tokens.length : equals;
  const prompt = abacus(tokens.slice(0, end).reverse()).reverse();
  return [...prompt, ...abacus(tokens.slice(end))];
}
const NUMBERINGS = { sequential: count, none: count, random_start: count, abacus, coupled };

// What positions do: a vector added to the embedding, or a rotation of queries and keys.
const POSITIONS = {
  none: {},
  learned: {
    embed: (x, weights, position) => plus(x, rowOf(weights.position_embedding, position)),
  },
  rope: {
    // The pair (x[i], x[i + D/2]) of each head is turned by position * theta^(-2i / D).
    rotate(x, position, { n_heads, rope_theta }) {
      const D = x.length / n_heads, y = new Float64Array(x.length);
      for (let start = 0; start < x.length; start += D) {
        for (let i = 0; i < D / 2; i++) {
          const angle = position * rope_theta ** ((-2 * i) / D);
          const cos = Math.cos(angle), sin = Math.sin(angle);
          const first = x[start + i], second = x[start + i + D / 2];
          y[start + i] = first * cos - second * sin;
          y[start + i + D / 2] = second * cos + first * sin;
        }
      }
      return y;
    },
  },
};
const schemeOf = (config) => POSITIONS[config.positions === "none" ? "none" : config.pos_encoding];

// A model while it reads. What it has read so far stays, as keys and values of each layer.
class Reading {
  // model: {config, vocabulary, weights}; off: a set of switched-off parts, such as "0 head 3".
  constructor(model, off = new Set()) {
    Object.assign(this, { model, off, tokens: [], moments: [] });
    this.caches = model.weights.blocks.map(() => ({ keys: [], values: [] }));
  }

  // Read tokens; the positions of a prompt may depend on all of it.
  read(tokens) {
    this.tokens.push(...tokens);
    const positions = NUMBERINGS[this.model.config.positions](this.tokens);
    for (let at = this.moments.length; at < this.tokens.length; at++) {
      this.moments.push(this.readOne(this.tokens[at], positions[at]));
    }
  }

  readOne(token, position) {
    const { config, vocabulary, weights } = this.model, { embed } = schemeOf(config);
    let x = Float64Array.from(rowOf(weights.token_embedding, vocabulary.indexOf(token)));
    if (embed) x = embed(x, weights, position);
    const residuals = [x], layers = [];
    weights.blocks.forEach((block, layer) => {
      const isOff = (part, number) => this.off.has(`${layer} ${part} ${number}`);
      const trace = {}, norm = NORMS[config.norm];
      x = plus(x, this.attend(norm(x, block.attention_norm), block, layer, position, isOff, trace));
      x = plus(x, MLPS[config.mlp](norm(x, block.mlp_norm), block.mlp, config, isOff, trace));
      residuals.push(x);
      layers.push(trace);
    });
    return { token, position, residuals, layers, said: this.wouldSay(x) };
  }

  // softmax(q k^T / sqrt(D)) v of each head, over this token and all before it.
  attend(x, { attention }, layer, position, isOff, trace) {
    const { config } = this.model, { keys, values } = this.caches[layer];
    const C = x.length, D = C / config.n_heads, y = new Float64Array(C);
    const rotate = schemeOf(config).rotate ?? ((vector) => vector);
    const qkv = linear(attention.qkv, x);
    const q = rotate(qkv.subarray(0, C), position, config);
    keys.push(rotate(qkv.subarray(C, 2 * C), position, config));
    values.push(qkv.subarray(2 * C));
    trace.attention = [];
    for (let head = 0; head < config.n_heads; head++) {
      const scores = keys.map((key) => {
        let sum = 0;
        for (let i = head * D; i < (head + 1) * D; i++) sum += q[i] * key[i];
        return sum / Math.sqrt(D);
      });
      const looks = softmax(scores);
      trace.attention.push(looks);
      // A head that is switched off adds nothing.
      if (isOff("head", head)) continue;
      values.forEach((value, at) => {
        for (let i = head * D; i < (head + 1) * D; i++) y[i] += looks[at] * value[i];
      });
    }
    return linear(attention.out, y);
  }

  // The probabilities of the next token, read off the vector after any layer ("logit lens").
  wouldSay(x) {
    const { config, weights } = this.model;
    const head = weights.lm_head ?? weights.token_embedding;
    return softmax(linear(head, NORMS[config.norm](x, weights.norm)));
  }
}

// Greedy decoding: each token that the model says, with the probabilities of all, until <eos>.
function* answering(reading, prompt) {
  const { vocabulary, config } = reading.model;
  reading.read(["<bos>", ...prompt]);
  while (reading.tokens.length < config.max_seq_len) {
    const { said } = reading.moments.at(-1), token = vocabulary[largest(said, 1)[0]];
    yield { token, said };
    if (token === "<eos>") return;
    reading.read([token]);
  }
}

// What answering yields, all at once, and the answer as text.
function answer(model, prompt, off) {
  const reading = new Reading(model, off), steps = [...answering(reading, prompt)];
  const text = steps.filter(({ token }) => token !== "<eos>").map(({ token }) => token).join("");
  return { reading, steps, text };
}
