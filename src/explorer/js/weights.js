// Weights as the page carries them: base64 of float16, one tensor behind the other.

// Numbers of 16 bits as numbers of 32.
function fromFloat16(halves) {
  const numbers = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const sign = halves[i] & 0x8000 ? -1 : 1, exponent = (halves[i] >> 10) & 31;
    const fraction = (halves[i] & 0x3ff) / 1024;
    numbers[i] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
  }
  return numbers;
}

// Tensors by their names in PyTorch, as a tree: blocks.0.mlp.up.weight -> blocks[0].mlp.up.weight.
function unpack(base64, tensors) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const numbers = fromFloat16(new Uint16Array(bytes.buffer)), tree = {};
  let at = 0;
  for (const [name, shape] of tensors) {
    const size = shape.reduce((a, b) => a * b, 1), parts = name.split("."), last = parts.pop();
    let place = tree;
    parts.forEach((part, i) => {
      // Numbers count the entries of a list.
      place = place[part] ??= /^\d+$/.test(parts[i + 1]) ? [] : {};
    });
    place[last] = { data: numbers.subarray(at, at + size), shape };
    at += size;
  }
  return tree;
}

// A model of the page at one step of its training; each is unpacked once.
const unpacked = new Map();
function modelAt(model, step) {
  const { id } = model.weights[step];
  if (!unpacked.has(id)) {
    unpacked.set(id, unpack(document.getElementById(id).textContent, model.tensors));
  }
  return { ...model, vocabulary: PAGE.vocabulary, weights: unpacked.get(id) };
}
