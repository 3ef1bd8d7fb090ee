'use client'
import { SecureForm, SecureInput } from '@lunadefend/react-sdk'
import { useActionState, useState } from 'react'
import type { Profile } from '../server/database.ts'
import { save } from './actions.ts'

/** A server action gets a form whose secure fields are tokens by then. */
export function ProfileForm({ ssn, iban }: Profile) {
  const [refusal, submit, isSaving] = useActionState(save, '')
  const [problem, setProblem] = useState('')
  return (
    <SecureForm
      action={submit}
      onSubmit={() => setProblem('')}
      onError={(error) => setProblem(`Not saved: ${error.code}`)}
    >
      <label htmlFor="ssn">Social security number</label>
      <SecureInput id="ssn" name="ssn" defaultValue={ssn} required />
      <label htmlFor="iban">IBAN</label>
      <SecureInput id="iban" name="iban" type="iban" defaultValue={iban} />
      <button type="submit" disabled={isSaving}>
        Save
      </button>
      <p role="alert">{problem || refusal}</p>
    </SecureForm>
  )
}
