/** An answer with a status of HTTP. */
export class Answer {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object) {
    this.status = status;
    this.body = body;
  }
}

export function refusal(status: number, error: string): Answer {
  return new Answer(status, { error });
}
