/** Items by a key of theirs, in order. */
export function groupBy<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const item of items) {
    const at = key(item);
    const list = found.get(at);
    if (list) list.push(item);
    else found.set(at, [item]);
  }
  return found;
}
