import { type FormEvent, useId, useState } from 'react'
import { Brand } from './header.tsx'
import { startOver } from './location.ts'
import { Notice } from './notice.tsx'
import { logIn, signUp } from './server-calls.ts'

type Mode = 'sign up' | 'log in'

/** What a visitor sees who is not logged in. */
export function WelcomePage() {
  const [mode, setMode] = useState<Mode>('sign up')
  return (
    <main id="main" className="welcome">
      <section>
        <Brand />
        <h1>This clinic never sees your secrets.</h1>
        <p className="lead">
          A small, real app with accounts and a database of its own. What you type into its secure fields
          never reaches the page, the app’s server or its database. They only ever hold a token.
        </p>
        <ul className="ticks">
          <li>Sign up, and save a made-up social security number.</li>
          <li>Watch beside the form what the app’s server really received.</li>
          <li>Then open the network inspector and try to steal the value.</li>
        </ul>
      </section>
      <section className="card" aria-label={mode === 'sign up' ? 'Sign up' : 'Log in'}>
        <div className="switch">
          {(['sign up', 'log in'] as const).map((each) => (
            <button key={each} type="button" aria-pressed={mode === each} onClick={() => setMode(each)}>
              {each === 'sign up' ? 'Sign up' : 'Log in'}
            </button>
          ))}
        </div>
        <CredentialsForm key={mode} mode={mode} />
      </section>
    </main>
  )
}

function CredentialsForm({ mode }: { readonly mode: Mode }) {
  const id = useId()
  const { problem, busy, submit } = useEntry(mode)
  const isNew = mode === 'sign up'
  return (
    <form onSubmit={submit}>
      <label htmlFor={`${id}-name`}>Name</label>
      <input
        id={`${id}-name`}
        name="name"
        required
        maxLength={32}
        autoComplete="username"
        autoCapitalize="none"
      />
      {isNew && <p className="hint">3 to 32 letters, digits, dots, hyphens or underscores.</p>}
      <label htmlFor={`${id}-password`}>Password</label>
      <input
        id={`${id}-password`}
        name="password"
        type="password"
        required
        minLength={isNew ? 10 : 1}
        maxLength={200}
        autoComplete={isNew ? 'new-password' : 'current-password'}
      />
      {isNew && <p className="hint">At least 10 characters. Only a salted scrypt hash of it is kept.</p>}
      {problem !== null && <Notice kind="bad">{problem}</Notice>}
      <button type="submit" className="primary" disabled={busy}>
        {isNew ? 'Create my account' : 'Log in'}
      </button>
    </form>
  )
}

function useEntry(mode: Mode) {
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [name, password] = [String(form.get('name')), String(form.get('password'))]
    setBusy(true)
    const enter = mode === 'sign up' ? signUp(name, password) : logIn(name, password)
    enter.then(
      () => startOver('/profile'),
      (error: Error) => {
        setProblem(error.message)
        setBusy(false)
      },
    )
  }
  return { problem, busy, submit }
}
