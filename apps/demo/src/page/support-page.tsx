import { SecureParagraph } from '@lunadefend/react-sdk'
import { useEffect, useState } from 'react'
import type { AuditEntry, Purpose } from '../support.ts'
import { startOver } from './location.ts'
import { Notice } from './notice.tsx'
import { enterSupport, lookAsSupport, readAudit, throwSwitch, type User } from './server-calls.ts'
import { TokenText } from './token-text.tsx'

/** The desk of support: a policy decides how much of a customer's number is shown, and a switch ends it. */
export function SupportPage({ user }: { readonly user: User }) {
  return (
    <>
      <h1>The support desk</h1>
      <p className="lead">
        Sam works in support and answers Ada’s calls. A policy of the Tokenizer shows him how her number ends.
        The rest does not leave the object store.
      </p>
      {user.name === 'sam' ? <Desk /> : <Door />}
    </>
  )
}

function Door() {
  const [failed, setFailed] = useState(false)
  const enter = () =>
    enterSupport().then(
      () => startOver('/support'),
      () => setFailed(true),
    )
  return (
    <div className="card">
      <p>You are not in support. Sit down at Sam’s desk: that is another login, and yours ends.</p>
      {failed && <Notice kind="bad">The server does not answer. Try again.</Notice>}
      <button type="button" className="primary" onClick={enter}>
        Log in as Sam from support
      </button>
    </div>
  )
}

interface Seen {
  readonly token: string
  /** Each look is a new frame. */
  readonly nth: number
}

function Desk() {
  const [purpose, setPurpose] = useState<Purpose>('question')
  const [stopped, setStopped] = useState(false)
  const [seen, setSeen] = useState<Seen | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const attempt = (work: () => Promise<unknown>) => {
    setProblem(null)
    work().catch(({ message }: Error) => setProblem(message))
  }
  const look = (why: Purpose) =>
    attempt(async () => {
      setPurpose(why)
      const { token } = await lookAsSupport(why)
      setSeen((before) => ({ token, nth: (before?.nth ?? 0) + 1 }))
    })
  const flip = () =>
    attempt(async () => {
      const { on } = await throwSwitch(!stopped)
      setStopped(on)
      setSeen((before) => before && { ...before, nth: before.nth + 1 })
    })
  return (
    <>
      <div className="card">
        <h2>Ada’s social security number</h2>
        <div className="switch">
          <button
            type="button"
            aria-pressed={seen !== null && purpose === 'question'}
            onClick={() => look('question')}
          >
            She has a question
          </button>
          <button
            type="button"
            aria-pressed={seen !== null && purpose === 'identity check'}
            onClick={() => look('identity check')}
          >
            Check who she is
          </button>
        </div>
        {seen === null ? (
          <p className="faint">Say why you look: it is the purpose of the grant, and the policy reads it.</p>
        ) : (
          <Shown key={seen.nth} token={seen.token} />
        )}
        {problem !== null && <Notice kind="bad">{problem}</Notice>}
        <p className="hint">
          “Show” asks for all of it. The policy says yes to an identity check, and no to anything else.
        </p>
      </div>
      <div className="card">
        <h2>The kill switch</h2>
        <p>Stops this session at every Tokenizer, for the very next call. The app’s server throws it.</p>
        <button type="button" className={stopped ? '' : 'danger'} onClick={flip}>
          {stopped ? 'Lift it' : 'Stop this session'}
        </button>
        {stopped && <Notice kind="bad">This session is stopped. Look again: nothing is given out.</Notice>}
      </div>
      <AuditTable />
    </>
  )
}

function Shown({ token }: { readonly token: string }) {
  const [error, setError] = useState<string | null>(null)
  return (
    <>
      <SecureParagraph
        id="support-ssn"
        token={token}
        aria-label="Ada’s social security number"
        lines={2}
        className="secret"
        onError={({ message }) => setError(message)}
      />
      {error !== null && <Notice kind="bad">{error}</Notice>}
      <p className="hint">
        What this page has: <TokenText token={token} />
      </p>
    </>
  )
}

/** What the Tokenizer has written down, and sealed: rows without a secret. */
function AuditTable() {
  const rows = useAudit()
  return (
    <div className="card audit">
      <h2>The audit log, as it is sealed</h2>
      <table>
        <thead>
          <tr>
            {['Leaf', 'Time', 'Who', 'What', 'Session', 'Policy', 'Outcome'].map((head) => (
              <th key={head}>{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ leaf, at, actor, action, session, policy, refusal }) => (
            <tr key={leaf} className={refusal === null ? '' : 'refused'}>
              <td>{leaf}</td>
              <td>{new Date(at).toLocaleTimeString()}</td>
              <td>{actor}</td>
              <td>{action}</td>
              <td>{session ?? '–'}</td>
              <td>{policy ?? '–'}</td>
              <td>{refusal ?? 'allowed'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const POLL_MS = 1000

function useAudit(): readonly AuditEntry[] {
  const [rows, setRows] = useState<readonly AuditEntry[]>([])
  useEffect(() => {
    const read = () =>
      readAudit().then(
        ({ rows: fresh }) => setRows(fresh),
        () => undefined,
      )
    void read()
    const timer = setInterval(read, POLL_MS)
    return () => clearInterval(timer)
  }, [])
  return rows
}
