/**
 * Asks once for all who ask meanwhile, and for all who ask within so many milliseconds of the answer: however many ask,
 * there is one question at a time. `elapsed` counts milliseconds.
 */
export function shareAnswers<T>(
  ask: () => Promise<T>,
  freshMs: number,
  elapsed: () => number = () => performance.now(),
): () => Promise<T> {
  let last: { readonly answer: Promise<T>; until: number } | null = null
  return () => {
    if (last !== null && elapsed() < last.until) return last.answer
    const asked = { answer: ask(), until: Number.POSITIVE_INFINITY }
    const answered = () => {
      asked.until = elapsed() + freshMs
    }
    asked.answer.then(answered, answered)
    last = asked
    return asked.answer
  }
}
