// @vitest-environment jsdom
import { LunaDefendProvider, SecureForm, SecureInput, SecureParagraph } from '@lunadefend/react-sdk'
import { doubleLunaDefend } from '@lunadefend/testing/dom'
import { createElement, type FormEvent } from 'react'
import { createRoot } from 'react-dom/client'
import { afterEach, expect, test, vi } from 'vitest'

const lunadefend = doubleLunaDefend()
afterEach(() => lunadefend.faults.reset())

/** A component of yours. */
function Profile({ token, onSave }: { token: string; onSave: (ssn: string) => void }) {
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    onSave(String(new FormData(event.currentTarget).get('ssn')))
  }
  return createElement(
    LunaDefendProvider,
    { tokenizerUrl: 'https://tokenizer.example', app: 'hello' },
    createElement(
      SecureForm,
      { onSubmit: save, onError: ({ code }) => document.body.setAttribute('data-problem', code) },
      createElement('label', { htmlFor: 'ssn' }, 'Social security number'),
      createElement(SecureInput, { id: 'ssn', name: 'ssn', required: true }),
      createElement('button', { type: 'submit' }, 'Save'),
    ),
    createElement(SecureParagraph, { token, 'aria-label': 'Stored number' }),
  )
}

function show(token: string) {
  document.body.innerHTML = '<div id="root"></div>'
  const onSave = vi.fn<(ssn: string) => void>()
  createRoot(document.getElementById('root') as HTMLElement).render(createElement(Profile, { token, onSave }))
  return onSave
}
const save = () => document.querySelector('button')?.click()

test('what is stored is shown, and what is typed is saved as a token', async () => {
  const onSave = show(lunadefend.store('078-05-1120'))
  expect(await lunadefend.read('Stored number')).toBe('078-05-1120')

  await lunadefend.fill('Social security number', '219-09-9999')
  save()
  await expect.poll(() => onSave.mock.calls).toHaveLength(1)
  const token = onSave.mock.calls[0]?.[0] ?? ''
  expect(lunadefend.textOf(token)).toBe('219-09-9999')
})

test('nothing is saved while the object store is down', async () => {
  const onSave = show('')
  await lunadefend.faults.storeDown()
  await lunadefend.fill('Social security number', '219-09-9999')
  save()
  await expect.poll(() => document.body.dataset['problem']).toBe('store-unreachable')
  expect(onSave).not.toHaveBeenCalled()
})
