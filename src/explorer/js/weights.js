// Weights as the page carries them: base64 of float16, one tensor behind the other.

// All finite numbers of 16 bits: sign, 5 bits of exponent, 10 of fraction.
const FLOAT16 = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31;
  const fraction = (bits & 0x3ff) / 1024;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
});

// Tensors by their names in PyTorch, as a tree: blocks.0.mlp.up.weight -> blocks[0].mlp.up.weight.
function unpack(base64, tensors) {
  const text = atob(base64), numbers = new Float32Array(text.length / 2), tree = {};
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = FLOAT16[text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8)];
  }
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
