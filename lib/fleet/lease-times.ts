/** The duration of a lease without a renewal, in ms. */
export const leaseMs = 10_000;
/** The interval between renewals, in ms. */
export const renewMs = 3000;
/** The time after which a claim or a renewal without an answer is tried again, in ms. */
export const answerTimeoutMs = 2000;
/** The time before the end of a lease at which it is revoked, in ms, so that its run can stop before another starts. */
export const revokeMarginMs = 500;
