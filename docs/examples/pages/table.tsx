import { LunaDefendProvider, SecureList, SecureTable } from '@lunadefend/react-sdk'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

interface Customer {
  readonly name: string
  /** Tokens. */
  readonly ssn: string
  readonly card: string
}

const COLUMNS = [
  { key: 'name', label: 'Name', width: 160 },
  { key: 'ssn', label: 'Social security number', secure: true },
  { key: 'card', label: 'Card', secure: true, width: 200 },
]

function Customers() {
  const [customers, setCustomers] = useState<Customer[]>([])

  useEffect(() => {
    // The server grants this login to read these tokens before it answers.
    fetch('/customers')
      .then((response) => response.json())
      .then(setCustomers)
  }, [])

  return <SecureTable id="customers" aria-label="Customers" columns={COLUMNS} rows={customers} lines={15} />
}

const { tokenizer = '', tokens = '' } = document.body.dataset
createRoot(document.getElementById('root') as HTMLElement).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello">
    <Customers />
    <SecureList id="numbers" label="Numbers" tokens={tokens.split(' ')} lines={5} />
  </LunaDefendProvider>,
)
