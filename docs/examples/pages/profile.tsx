import {
  LunaDefendProvider,
  SecureDownload,
  SecureForm,
  SecureImage,
  SecureInput,
  SecureParagraph,
  SecureSpan,
  SecureTextArea,
  useLunaDefend,
} from '@lunadefend/react-sdk'
import { type ComponentRef, type FormEvent, useRef, useState } from 'react'
import { createRoot } from 'react-dom/client'

function Profile() {
  const [ssn, setSsn] = useState('')
  const [problem, setProblem] = useState('')
  const field = useRef<ComponentRef<typeof SecureInput>>(null)

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    // Every secure field is a token by now.
    const body = JSON.stringify(Object.fromEntries(new FormData(event.currentTarget)))
    await fetch('/profile', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }

  return (
    <SecureForm onSubmit={save} onError={(error) => setProblem(error.message)}>
      <label htmlFor="ssn">Social security number</label>
      <SecureInput
        ref={field}
        id="ssn"
        name="ssn"
        value={ssn}
        onChange={(event) => setSsn(event.target.value)}
        pattern="[0-9]{3}-[0-9]{2}-[0-9]{4}"
        inputMode="numeric"
        required
      />
      <label htmlFor="notes">Medical notes</label>
      <SecureTextArea id="notes" name="notes" rows={5} />
      <button type="submit">Save</button>
      <button type="button" onClick={() => field.current?.clear()}>
        Clear
      </button>
      <p role="alert">{problem}</p>
      <p>
        Stored: <SecureSpan id="stored" token={ssn} aria-label="Social security number" />
      </p>
    </SecureForm>
  )
}

/** Tokens that the server has for this user, and has granted. */
function Documents({ iban, card, contract }: { iban: string; card: string; contract: string }) {
  return (
    <>
      <SecureParagraph token={iban} aria-label="IBAN" copyable hideAfter={30} />
      <SecureImage token={card} alt="Your identity card" style={{ width: '20em', height: '12em' }} />
      <SecureDownload token={contract} label="Download the contract" />
    </>
  )
}

function LogOut() {
  const { logout } = useLunaDefend()

  async function leave() {
    // Should the Tokenizer not be there, the server's own logout still ends the session.
    await logout().catch(() => {})
    await fetch('/logout', { method: 'POST' })
    location.assign('/')
  }

  return (
    <button type="button" onClick={leave}>
      Log out
    </button>
  )
}

const { tokenizer = '' } = document.body.dataset
createRoot(document.getElementById('root') as HTMLElement).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello">
    <Profile />
    <Documents iban="" card="" contract="" />
    <LogOut />
  </LunaDefendProvider>,
)
