/** Options that PyTorch has for training and for writing in place: here they change nothing, or are refused. */

import { NotImplementedError, RuntimeError } from "../base/errors";
import { type Args, keywords } from "../tensor/keywords";

export interface InplaceOptions {
  inplace?: boolean;
}

/** Nothing is written in place here, so that `inplace` must be false. */
export function checkInplace(op: string, args: Args<InplaceOptions, ["inplace"]>): void {
  const { inplace = false } = keywords<InplaceOptions>(op, ["inplace"], args);
  if (inplace) throw new NotImplementedError(`${op}: inplace must be false, as nothing here can be written in place`);
}

export interface EmbeddingOptions {
  padding_idx?: number | null;
  /** Rows beyond it would be made shorter where they lie. */
  max_norm?: null;
  norm_type?: number;
  scale_grad_by_freq?: boolean;
  sparse?: boolean;
}

/** What they are, in PyTorch's order. But for `max_norm` they are of training, and without effect here. */
export const EMBEDDING_OPTIONS = ["padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"] as const;

/** Refuses what cannot be done. */
export function checkEmbedding(op: string, { padding_idx, max_norm }: EmbeddingOptions, rows: number): void {
  if (max_norm != null) throw new NotImplementedError(`${op}: max_norm changes the weight, and nothing here can be written in place`);
  if (padding_idx != null && !(padding_idx >= -rows && padding_idx < rows))
    throw new RuntimeError(`${op}: padding_idx must be within num_embeddings, got ${padding_idx} of ${rows}`);
}
