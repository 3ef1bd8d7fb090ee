import { type LunaDefendError, SecureParagraph } from '@lunadefend/react-sdk'
import { useState } from 'react'
import type { Profile } from '../profiles.ts'
import { Notice } from './notice.tsx'
import { TokenText } from './token-text.tsx'
import { useProfile } from './use-profile.ts'

/** Shows what was saved, in frames that this page cannot look into. */
export function VaultPage() {
  const profile = useProfile()
  return (
    <>
      <h1>Your vault</h1>
      <p className="lead">
        You can read your secrets here, after a reload and after a new login. This page cannot: it asked its
        server for your profile and got tokens, and your browser shows their values in frames of another
        origin.
      </p>
      {typeof profile === 'string' && <Notice kind="bad">{profile}</Notice>}
      {profile === null && <p className="loading">One moment…</p>}
      {profile !== null && typeof profile !== 'string' && <Contents profile={profile} />}
    </>
  )
}

function Contents({ profile }: { readonly profile: Profile }) {
  return (
    <div className="card">
      <h2>Social security number</h2>
      <Secret id="shown-ssn" token={profile.ssn} label="Social security number" lines={1} />
      <h2>Medical notes</h2>
      <Secret id="shown-notes" token={profile.notes} label="Medical notes" lines={5} />
      <h2>Plain fields, for comparison</h2>
      <p>
        {profile.displayName || 'No name'}, {profile.city || 'no city'}
      </p>
    </div>
  )
}

interface SecretProps {
  readonly id: string
  readonly token: string
  readonly label: string
  readonly lines: number
}

function Secret({ id, token, label, lines }: SecretProps) {
  const [error, setError] = useState<LunaDefendError | null>(null)
  if (token === '') return <p className="faint">Nothing was saved yet.</p>
  return (
    <>
      <SecureParagraph
        id={id}
        token={token}
        aria-label={label}
        lines={lines}
        className="secret"
        onError={setError}
      />
      {error !== null && <Notice kind="bad">{error.message}</Notice>}
      <p className="hint">
        What this page has: <TokenText token={token} />
      </p>
    </>
  )
}
