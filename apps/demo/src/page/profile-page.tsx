import { type LunaDefendError, SecureForm, SecureInput, SecureTextArea } from '@lunadefend/react-sdk'
import { type FormEvent, useState } from 'react'
import type { Profile } from '../profiles.ts'
import { Notice } from './notice.tsx'
import { saveProfile } from './server-calls.ts'
import { TokenText } from './token-text.tsx'
import { explain, useProfile } from './use-profile.ts'

export function ProfilePage() {
  const profile = useProfile()
  return (
    <>
      <h1>Your profile</h1>
      <p className="lead">
        Two plain fields and two secure ones. Use made-up data, then look at the panel: the app’s server is
        told your city, but never your number.
      </p>
      {typeof profile === 'string' && <Notice kind="bad">{profile}</Notice>}
      {profile === null && <p className="loading">One moment…</p>}
      {profile !== null && typeof profile !== 'string' && <ProfileForm initial={profile} />}
    </>
  )
}

function ProfileForm({ initial }: { readonly initial: Profile }) {
  const { saved, outcome, busy, submit, fail } = useSaving(initial)
  return (
    <SecureForm className="card" onSubmit={submit}>
      <label htmlFor="display-name">Display name</label>
      <input
        id="display-name"
        name="displayName"
        defaultValue={initial.displayName}
        maxLength={80}
        autoComplete="name"
      />
      <label htmlFor="city">City</label>
      <input id="city" name="city" defaultValue={initial.city} maxLength={80} autoComplete="address-level2" />
      <label htmlFor="ssn">
        Social security number <Lock />
      </label>
      <SecureInput
        id="ssn"
        name="ssn"
        value={saved.ssn}
        className="secure"
        placeholder="078-05-1120"
        maxLength={40}
        aria-describedby="ssn-hint"
        onError={fail}
      />
      <p className="hint" id="ssn-hint">
        Typed into a frame of the Tokenizer. This page gets a token.
      </p>
      <label htmlFor="notes">
        Medical notes <Lock />
      </label>
      <SecureTextArea
        id="notes"
        name="notes"
        value={saved.notes}
        className="secure"
        rows={5}
        maxLength={8000}
        onError={fail}
      />
      {outcome !== null && <Notice kind={outcome.kind}>{outcome.text}</Notice>}
      <button type="submit" className="primary" disabled={busy}>
        Save
      </button>
      <WhatIsStored profile={saved} />
    </SecureForm>
  )
}

interface Outcome {
  readonly kind: 'good' | 'bad'
  readonly text: string
}

function useSaving(initial: Profile) {
  const [saved, setSaved] = useState(initial)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [busy, setBusy] = useState(false)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setBusy(true)
    saveProfile(readForm(event.currentTarget))
      .then(
        (profile) => {
          setSaved(profile)
          setOutcome({ kind: 'good', text: 'Saved. The panel shows what was stored.' })
        },
        (error: Error) => setOutcome({ kind: 'bad', text: explain(error) }),
      )
      .finally(() => setBusy(false))
  }
  // The form was not submitted then: what is stored is what was stored before.
  const fail = ({ message }: LunaDefendError) => setOutcome({ kind: 'bad', text: `Not saved. ${message}` })
  return { saved, outcome, busy, submit, fail }
}

/** Secure fields are form fields like the others; what they hold is a token. */
function readForm(form: HTMLFormElement): Profile {
  const data = new FormData(form)
  const text = (name: string) => String(data.get(name) ?? '')
  return { displayName: text('displayName'), city: text('city'), ssn: text('ssn'), notes: text('notes') }
}

function WhatIsStored({ profile }: { readonly profile: Profile }) {
  return (
    <dl className="row-view">
      <dt>In the app’s database, ssn</dt>
      <dd>
        <TokenText token={profile.ssn} />
      </dd>
      <dt>In the app’s database, notes</dt>
      <dd>
        <TokenText token={profile.notes} />
      </dd>
    </dl>
  )
}

function Lock() {
  return (
    <svg className="lock" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M4 7V5a4 4 0 0 1 8 0v2h.5A1.5 1.5 0 0 1 14 8.5v5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 2 13.5v-5A1.5 1.5 0 0 1 3.5 7zm1.8 0h4.4V5a2.2 2.2 0 0 0-4.4 0z" />
    </svg>
  )
}
