/** Round numbers for an axis that holds all of the values. */
export function ticks(low: number, high: number, wanted = 5): number[] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [];
  const span = high - low || Math.abs(high) || 1;
  const raw = span / Math.max(1, wanted - 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw * 0.999) ?? raw;
  const first = Math.floor(low / step + 1e-9) * step;
  const found: number[] = [];
  for (let n = 0; n < 12; n += 1) {
    const value = Number((first + n * step).toPrecision(12));
    found.push(value);
    if (value >= high - step * 1e-9 && found.length > 1) break;
  }
  return found;
}
