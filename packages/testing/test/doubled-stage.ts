import { configure, defineElements } from '@lunadefend/browser'
import { doubleLunaDefend } from '../src/dom.ts'
import type { Stage } from './contract.ts'

const double = doubleLunaDefend()
configure({ tokenizerUrl: 'http://localhost:37766', app: 'app' })
defineElements()

/** The double, in the DOM of this test file. */
export const doubledStage: Stage = {
  ...double,
  async open(body) {
    await double.faults.reset()
    document.body.innerHTML = body.replaceAll('[token]', double.store('stored'))
    for (const element of document.querySelectorAll('secure-input, secure-textarea, secure-paragraph')) {
      await double.read(element)
    }
  },
  run: async (work, argument) => await work(argument),
  async click(selector) {
    const element = document.querySelector<HTMLElement>(selector)
    element?.focus()
    element?.click()
  },
}
