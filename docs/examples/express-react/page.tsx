import { LunaDefendProvider, SecureForm, SecureInput, SecureParagraph } from '@lunadefend/react-sdk'
import { createRoot } from 'react-dom/client'

const root = document.getElementById('root') as HTMLElement
const { tokenizer = '', token = '' } = root.dataset

createRoot(root).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello" onError={reportError}>
    <SecureForm method="post" action="/ssn">
      <label htmlFor="ssn">Social security number</label>
      <SecureInput id="ssn" name="ssn" defaultValue={token} required />
      <button type="submit">Save</button>
    </SecureForm>
    <h2>What is stored</h2>
    <SecureParagraph id="stored" token={token} aria-label="Social security number" />
  </LunaDefendProvider>,
)
