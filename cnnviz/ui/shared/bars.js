// Numbers as bars on both sides of zero.

// A number with three decimals; very small and very large ones with a power of ten.
function short(number) {
  const size = Math.abs(number);
  const text = size !== 0 && (size < 0.001 || size >= 1e5) ? size.toExponential(1) : size.toFixed(3);
  return number < 0 ? `−${text}` : text;
}

// A row with a name, a bar as long as `value` is of `scale`, and the number itself.
function bar(theme, name, value, scale, tag = "div") {
  const part = element("span", "part");
  const width = (Math.abs(value) / scale) * 50;
  part.style.width = `${width}%`;
  part.style.left = value < 0 ? `${50 - width}%` : "50%";
  part.style.background = `rgb(${along(theme.diverging, value < 0 ? 0.2 : 0.8).join(",")})`;
  return element(tag, "bar", element("span", "name", name), element("span", "track", part), element("span", "value", short(value)));
}
