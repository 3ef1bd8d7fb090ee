import { LunaDefendProvider, SecureForm, SecureUpload } from '@lunadefend/react-sdk'
import { type FormEvent, useState } from 'react'
import { createRoot } from 'react-dom/client'

function Papers() {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    // One entry for each file: its token.
    const papers = new FormData(event.currentTarget).getAll('papers')
    const body = JSON.stringify({ papers })
    await fetch('/profile', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }

  return (
    <SecureForm onSubmit={save} onError={(error) => setProblem(error.message)}>
      <label htmlFor="papers">Your papers (PDF or pictures, 20 MB each)</label>
      <SecureUpload
        id="papers"
        name="papers"
        multiple
        accept=".pdf, image/*"
        capture="environment"
        maxSize={20_000_000}
        maxFiles={10}
        onStateChange={({ fill }) => setBusy(fill === 'incomplete')}
        required
      />
      <button type="submit">{isBusy ? 'Uploading …' : 'Save'}</button>
      <p role="alert">{problem}</p>
    </SecureForm>
  )
}

const { tokenizer = '' } = document.body.dataset
createRoot(document.getElementById('root') as HTMLElement).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello">
    <Papers />
  </LunaDefendProvider>,
)
