import { randomUUID } from 'node:crypto';

/** The bits of a UUID that count within a ms. */
const counterBits = 12n;

let last = 0n;

/**
 * Returns a new id: a UUID of version 7 (RFC 9562, section 5.7). Its first bits are the time, so that new jobs are
 * neighbours in the index. Those of random ids would be spread over all of its pages.
 */
export function newJobId(): string {
  const now = BigInt(Date.now()) << counterBits;
  // The clock may be set back, and a ms may have more than one job.
  last = now > last ? now : last + 1n;
  const [time, counter] = [last >> counterBits, last & 0xfffn];
  const hex = ((time << 16n) | 0x7000n | counter).toString(16).padStart(16, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12)}${randomUUID().slice(18)}`;
}
