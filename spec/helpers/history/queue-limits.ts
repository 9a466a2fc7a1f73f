/** The limits of the workers of the queue `limited`. */
export const groupConcurrency = 2;
export const rate: { readonly jobs: number; readonly per: number } = { jobs: 8, per: 500 };
