// @vitest-environment jsdom
import {
  LunaDefendProvider,
  SecureForm,
  SecureInput,
  SecureSelect,
  SecureUpload,
} from '@lunadefend/react-sdk'
import { doubleLunaDefend } from '@lunadefend/testing/dom'
import { cleanup, configure, render, screen, waitFor } from '@testing-library/react'
import { userEvent } from '@testing-library/user-event'
import { createElement, type FormEvent, useState } from 'react'
import { afterEach, expect, test, vi } from 'vitest'

configure({ asyncUtilTimeout: 10_000 })
const lunadefend = doubleLunaDefend()
afterEach(async () => {
  cleanup()
  await lunadefend.faults.reset()
})

/** A form of yours: a number, a diagnosis, and papers. */
function Claim({ send }: { send: (claim: FormData) => void }) {
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    send(new FormData(event.currentTarget))
  }
  return createElement(
    LunaDefendProvider,
    { tokenizerUrl: 'https://tokenizer.example', app: 'claims' },
    createElement(
      SecureForm,
      { onSubmit: submit, onError: ({ code }) => setProblem(code) },
      createElement('label', { htmlFor: 'ssn' }, 'Social security number'),
      createElement(SecureInput, { id: 'ssn', name: 'ssn', required: true }),
      createElement('label', { htmlFor: 'diagnosis' }, 'Diagnosis'),
      createElement(
        SecureSelect,
        { id: 'diagnosis', name: 'diagnosis' },
        createElement('option', { value: 'A09' }, 'Gastroenteritis'),
        createElement('option', { value: 'J10' }, 'Influenza'),
      ),
      createElement('label', { htmlFor: 'papers' }, 'Papers'),
      createElement(SecureUpload, {
        id: 'papers',
        name: 'papers',
        multiple: true,
        accept: '.pdf',
        onStateChange: ({ fill }) => setBusy(fill === 'incomplete'),
      }),
      createElement('button', { type: 'submit', disabled: isBusy }, isBusy ? 'Uploading …' : 'Send'),
      createElement('p', { role: 'alert' }, problem),
    ),
  )
}

function show() {
  const send = vi.fn<(claim: FormData) => void>()
  render(createElement(Claim, { send }))
  return send
}
const pdf = (name: string) => new File(['%PDF-1.7'], name, { type: 'application/pdf' })
const press = () => userEvent.click(screen.getByRole('button', { name: 'Send' }))

test('what is typed, picked and uploaded is sent as tokens', async () => {
  const send = show()
  await lunadefend.fill('Social security number', '078-05-1120')
  await lunadefend.choose('Diagnosis', 'Influenza')
  await lunadefend.upload('Papers', [pdf('bill.pdf'), pdf('letter.pdf')])
  await press()

  await waitFor(() => expect(send).toHaveBeenCalledOnce())
  const claim = send.mock.calls[0]?.[0] as FormData
  expect(lunadefend.textOf(String(claim.get('ssn')))).toBe('078-05-1120')
  expect(lunadefend.textOf(String(claim.get('diagnosis')))).toBe('J10')
  const papers = claim.getAll('papers').map((token) => lunadefend.fileOf(String(token))?.name)
  expect(papers).toEqual(['bill.pdf', 'letter.pdf'])
})

test('while a file is under way, nothing can be sent', async () => {
  show()
  await lunadefend.faults.storeDown()
  await lunadefend.upload('Papers', pdf('bill.pdf'), { wait: false })
  await screen.findByRole('button', { name: 'Uploading …' })
  await lunadefend.faults.reset()
  // It tries again after a while.
  await lunadefend.passTime(20_000)
  await screen.findByRole('button', { name: 'Send' })
})

test('when somebody may not store anything, he is told', async () => {
  const send = show()
  await lunadefend.fill('Social security number', '078-05-1120')
  await lunadefend.faults.denyGrants()
  await press()
  await screen.findByText('access-denied')
  expect(send).not.toHaveBeenCalled()
})
