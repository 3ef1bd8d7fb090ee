/** How many different things were met after this time. */
export function seen(met: readonly { readonly at: number; readonly name: number }[], after: number): number {
  return new Set(met.filter(({ at }) => at > after).map(({ name }) => name)).size
}
