/**
 * What Enter in a text field does (HTML, "Implicit submission"): clicks the form's default button, its first submit
 * button in tree order; where there is none, submits a form that has no second field to fill.
 */
export function submitImplicitly(form: HTMLFormElement, secureFields: string): void {
  const root = form.getRootNode() as Document | ShadowRoot
  const buttons = root.querySelectorAll<HTMLButtonElement | HTMLInputElement>('button, input')
  const button = [...buttons].find(
    (candidate) => candidate.form === form && (candidate.type === 'submit' || candidate.type === 'image'),
  )
  if (button !== undefined) {
    button.click()
    return
  }
  const fields = [...form.elements].filter((element) => element.matches(`${BLOCKING}, ${secureFields}`))
  if (fields.length <= 1) form.requestSubmit()
}

/** Fields that block implicit submission where there is more than one of them. */
const BLOCKING = [
  'text',
  'search',
  'tel',
  'url',
  'email',
  'password',
  'date',
  'month',
  'week',
  'time',
  'number',
]
  .map((type) => `input[type=${type}]`)
  .concat('input[type=datetime-local]', 'input:not([type])')
  .join(', ')
