import { type ErrorParts, FormatError } from "../base/errors.js";

/** Where bytes come from, as errors name it: the reader that complains, and the file if there is one. */
export interface Origin {
  readonly who: string;
  readonly file?: string | undefined;
}

/** The parts of an error about one field of a file. */
export interface FileFormatParts extends ErrorParts {
  readonly file?: string | undefined;
  /** First byte of the field, counted from the start of the file. */
  readonly offset: number;
  /** The field's name in the format's specification. */
  readonly field: string;
}

/**
 * A field of a file that is not what the format says: names the file, the offset in bytes and the field.
 *
 * `[readIdx] expected 2 axis lengths (field "shape" at byte 4 of labels.gz), received end of data at byte 7. …`
 */
export class FileFormatError extends FormatError {
  readonly file: string | undefined;
  readonly offset: number;
  readonly field: string;

  constructor(parts: FileFormatParts, options?: ErrorOptions) {
    const place = `field "${parts.field}" at byte ${parts.offset} of ${parts.file ?? "the data"}`;
    super({ ...parts, expected: `${parts.expected} (${place})` }, options);
    this.file = parts.file;
    this.offset = parts.offset;
    this.field = parts.field;
  }
}
