import type { Limiter } from '../ports.ts'

/** An empty limiter, as an adapter's test hands it to the suite. Disposal closes it and throws its data away. */
export interface LimiterUnderTest extends AsyncDisposable {
  readonly limiter: Limiter
  /** Another one over the same data, as another process has it; the suite disposes of it. */
  connect(): Promise<Limiter>
  /** How a process of its own reaches the same data: a module that exports `connect(where): Promise<Limiter>`. */
  readonly elsewhere: { readonly module: URL; readonly where: string }
  /** How many rows there are, of any kind. */
  countRows(): Promise<number>
}
