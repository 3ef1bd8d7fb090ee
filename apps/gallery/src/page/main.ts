import { type Appearance, configure, defineElements, SecureTableElement } from '@lunadefend/browser'

/** A theme of an app of its own: what CSS cannot reach, and what it can. */
const OWN: Appearance = {
  variables: {
    colorText: '#3b0764',
    colorTextPlaceholder: '#7e5aa8',
    colorBackground: '#faf5ff',
    colorPrimary: '#9333ea',
    colorDanger: '#be123c',
    fontWeightNormal: '500',
    borderRadius: '10px',
  },
  rules: {
    focus: { backgroundColor: '#ffffff', borderColor: '#9333ea' },
    invalid: { color: '#be123c', backgroundColor: '#fff1f2' },
    disabled: { color: '#6b7280', backgroundColor: '#f3f4f6' },
  },
}

const root = document.documentElement

const page = configure({
  tokenizerUrl: root.dataset['tokenizer'] ?? '',
  app: 'gallery',
})
defineElements()

for (const table of document.querySelectorAll('secure-table')) {
  if (!(table instanceof SecureTableElement)) continue
  table.columns = JSON.parse(table.dataset['columns'] ?? '[]')
  table.rows = JSON.parse(table.dataset['rows'] ?? '[]')
}
showTheme()

document.querySelector('form')?.addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return
  const address = new URL(location.href)
  address.searchParams.set(target.name, target.value)
  // Words come with the page. A theme is put on while the components are in their states.
  if (target.name === 'lang') location.assign(address)
  root.dataset['theme'] = target.value
  history.replaceState(null, '', address)
  showTheme()
})

function showTheme(): void {
  page.appearance = root.dataset['theme'] === 'own' ? OWN : undefined
  for (const element of document.querySelectorAll(':defined'))
    if ('restyle' in element && typeof element.restyle === 'function') element.restyle()
}
