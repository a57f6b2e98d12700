// The largest part in the middle of a picture of `width` x `height` pixels whose sides are as `wide` to `high`.
export function middlePart(width, height, wide, high) {
  const rows = Math.max(1, Math.min(height, Math.floor((width * high) / wide)));
  const columns = Math.max(1, Math.min(width, Math.floor((height * wide) / high)));
  return { top: Math.floor((height - rows) / 2), left: Math.floor((width - columns) / 2), rows, columns };
}
