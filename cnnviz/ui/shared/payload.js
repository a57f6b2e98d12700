// Reads what cnnviz.interpret.binary_payload packed: JSON, and float32 arrays by name.

function unpack(bytes) {
  const whole = new Uint8Array(bytes.buffer ? bytes.slice() : bytes); // a copy, so that numbers begin at a multiple of four
  const length = new DataView(whole.buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)));
  for (const [name, { start, shape }] of Object.entries(facts.arrays)) {
    const size = shape.reduce((product, side) => product * side, 1);
    facts.arrays[name] = new Float32Array(whole.buffer, 4 + length + 4 * start, size);
  }
  return facts;
}
