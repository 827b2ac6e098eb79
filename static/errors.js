// @ts-check
/** The one error type of the client: a message for people, fields for programs. */

export class SplitComputeError extends Error {
  /**
   * @param {string} message what was asked, what was expected, what came
   * @param {object} [fields]
   * @param {number} [fields.status] the server's HTTP status, where it answered, or would to such a text
   * @param {string} [fields.error_type] the server's error_type, or the client's own:
   *   "Unreachable", "Timeout", "Wire", "Download", "Gpu", "Memory", "Revision", "Worker", "Tokenizer",
   *   "Browser"
   * @param {string} [fields.reason] the server's own words, where it answered; else the message
   * @param {number} [fields.retryAfterMs] how long the server asks to wait before the next try
   * @param {unknown} [fields.cause]
   */
  constructor(message, fields = {}) {
    const { status, error_type = "Browser", reason = message, retryAfterMs = 0, cause } = fields;
    super(message, { cause });
    this.name = "SplitComputeError";
    this.status = status;
    this.error_type = error_type;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Whether it is the text's fault, so that every tokeniser refuses it. @param {unknown} error */
export function isOfText(error) {
  return isOf(error, "Empty", "Validation");
}

/** Whether it has one of these types. @param {unknown} error @param {string[]} types */
export function isOf(error, ...types) {
  return error instanceof SplitComputeError && types.includes(error.error_type);
}

export function outdated() {
  return new SplitComputeError("the server has another revision now", { error_type: "Revision" });
}
