/** A WGSL function that element-wise expressions call. */

export interface Helper {
  /** Helpers that it calls. */
  readonly needs: readonly string[];
  readonly wgsl: string;
}

export const helper = (wgsl: string, ...needs: readonly string[]): Helper => ({ wgsl: wgsl.trim(), needs });
