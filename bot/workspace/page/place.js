// Where the reader is, kept in the address: #as=USER&in=CHANNEL&thread=TS. Back, reload and a copied address all work.

export function here() {
  const parts = new URLSearchParams(location.hash.slice(1));
  return { as: parts.get("as"), in: parts.get("in"), thread: parts.get("thread") };
}

export function address(change) {
  const place = { ...here(), ...change };
  const known = Object.entries(place).filter(([, value]) => value);
  return `#${new URLSearchParams(known)}`;
}

export function go(change, { replace = false } = {}) {
  const target = address(change);
  if (target === location.hash) return;
  if (replace) location.replace(target);
  else location.assign(target);
}
