import { createElement, StrictMode } from 'react'
import { LunaDefendProvider, SecureForm, SecureInput, SecureParagraph, SecureTextArea } from '../src/index.ts'

export interface Where {
  readonly tokenizerUrl: string
  readonly token: string
}

/** The same tree on the server and in the browser. */
export function serverPage({ tokenizerUrl, token }: Where) {
  const fields = [
    createElement(SecureInput, {
      key: 'input',
      id: 'ssn',
      name: 'ssn',
      className: 'wide',
      required: true,
      disabled: false,
      maxLength: 11,
      defaultValue: token,
      'aria-label': 'SSN',
    }),
    createElement(SecureTextArea, { key: 'area', name: 'notes', rows: 4, readOnly: true }),
    createElement(SecureParagraph, { key: 'text', id: 'p', token }),
  ]
  const form = createElement(SecureForm, { id: 'form' }, fields)
  return createElement(
    StrictMode,
    null,
    createElement(LunaDefendProvider, { tokenizerUrl, app: 'test' }, form),
  )
}
