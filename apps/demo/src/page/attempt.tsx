import { type ReactNode, useId, useState } from 'react'
import type { Outcome } from './attempts.ts'
import { Notice } from './notice.tsx'

interface AttemptProps {
  readonly title: string
  /** Does it, for real. */
  readonly run: () => Promise<Outcome>
  /** Why it ends as it does; shown after the attempt. */
  readonly why: string
  readonly children?: ReactNode
}

export function Attempt({ title, run, why, children }: AttemptProps) {
  const id = useId()
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  return (
    <section className="card attempt" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
      <button type="button" onClick={() => void run().then(setOutcome)}>
        Steal it
      </button>
      {outcome !== null && (
        <>
          <pre className="saw">{outcome.saw}</pre>
          {outcome.isStolen ? (
            <Notice kind="bad">Something was read. This must not happen: please report it.</Notice>
          ) : (
            <Notice kind="good">Nothing was read.</Notice>
          )}
          <p className="why">{why}</p>
        </>
      )}
    </section>
  )
}
