// How the page is drawn: elements from a tag, attributes and children. No library: with these two
// functions each view is a nest of calls.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    // Style attributes are refused by the page's policy; properties are not.
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else if (name in element && !(element instanceof SVGElement)) element[name] = value;
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}

const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// A share of 1 in words that do not round a doubt away: 99.98 %.
function percent(share) {
  if (share > 0.99995) return share === 1 ? "100 %" : "> 99.99 %";
  if (share < 0.00005) return "< 0.01 %";
  return `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 2 : share < 0.1 ? 1 : 0)} %`;
}

// What only a screen reader says.
const spoken = (text) => h("span", { className: "spoken" }, text);

const NAMES = { "<bos>": "start", "<eos>": "end", "<pad>": "pad" };
const nameOf = (token) => NAMES[token] ?? token;

// A token where there is room for one character.
const MARKS = { "<bos>": "^", "<eos>": "$", "<pad>": "_" };
const mark = (token) => token in NAMES
  ? [h("span", { "aria-hidden": "true" }, MARKS[token]), spoken(NAMES[token])]
  : token;

// The index that an arrow key moves to among n, or null for another key.
function moved(event, index, n) {
  const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -n, End: n };
  if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return null;
  event.preventDefault();
  return Math.min(Math.max(index + steps[event.key], 0), n - 1);
}
