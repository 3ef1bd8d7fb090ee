import { LunaDefendProvider, SecureForm, SecureInput } from '@lunadefend/react-sdk'
import { type FormEvent, useState } from 'react'
import { createRoot } from 'react-dom/client'

function Account() {
  const [brand, setBrand] = useState<string>('unknown')

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const body = JSON.stringify(Object.fromEntries(new FormData(event.currentTarget)))
    await fetch('/account', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }

  return (
    <SecureForm onSubmit={save}>
      <label htmlFor="password">Password</label>
      <SecureInput
        id="password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={12}
        reveal
        required
      />
      <label htmlFor="repeat">The same again</label>
      <SecureInput id="repeat" type="password" sameAs="password" required />
      <label htmlFor="card">Card number {brand !== 'unknown' && `(${brand})`}</label>
      <SecureInput
        id="card"
        name="card"
        type="card-number"
        tokenizeOn="blur"
        onStateChange={(state) => setBrand(state.brand ?? 'unknown')}
      />
      <button type="submit">Save</button>
    </SecureForm>
  )
}

const { tokenizer = '' } = document.body.dataset
createRoot(document.getElementById('root') as HTMLElement).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello">
    <Account />
  </LunaDefendProvider>,
)
