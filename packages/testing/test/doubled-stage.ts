import type { File as NodeFile } from 'node:buffer'
import { configure, defineElements } from '@lunadefend/browser'
import { doubleLunaDefend } from '../src/dom.ts'
import { STORED, type Stage } from './contract.ts'

const double = doubleLunaDefend()
configure({ tokenizerUrl: 'http://localhost:37766', app: 'app' })
defineElements()

const store = (value: string | NodeFile): Promise<string> | string =>
  typeof value === 'string' ? double.store(value) : double.storeFile(value as unknown as globalThis.File)

/** The double, in the DOM of this test file. */
export const doubledStage: Stage = {
  ...double,
  async open(body) {
    await double.faults.reset()
    let html = body
    for (const [name, value] of Object.entries(STORED))
      html = html.replaceAll(`[${name}]`, await store(value))
    document.body.innerHTML = html
    for (const element of document.querySelectorAll('[id]'))
      if (element.localName.startsWith('secure-')) await double.read(element)
  },
  run: async (work, argument) => await work(argument),
  async click(selector) {
    const element = document.querySelector<HTMLElement>(selector)
    element?.focus()
    element?.click()
  },
  upload: (label, files, wait = true) =>
    double.upload(
      label,
      Object.entries(files).map(([name, text]) => new File([text], name, { type: 'text/plain' })),
      { wait },
    ),
  async download(label) {
    const file = await double.download(label)
    return { name: file.name, text: await file.text() }
  },
  valueOf: async (token) => (await double.fileOf(token)?.text()) ?? double.textOf(token) ?? '',
}
