import * as React from 'react'
import { flushSync } from 'react-dom'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import * as sdk from '../src/index.ts'
import { serverPage, type Where } from './server-page.ts'

/** Small applications for the tests, mounted by name. */
const {
  LunaDefendProvider,
  SecureForm,
  SecureInput,
  SecureParagraph,
  SecureList,
  SecureSpan,
  SecureTable,
  SecureTextArea,
  SecureUpload,
  useLunaDefend,
} = sdk
const { useRef, useState } = React

type Props = Readonly<Record<string, unknown>>
const log: unknown[] = []
const note = (...words: unknown[]) => log.push(words.join(' '))
Object.assign(window, { log, version: React.version })

/** A controlled and an uncontrolled field, as a newcomer would write them. */
function Profile({ initial = '', notes = '', counter = 0, fail = false }: Props) {
  const [ssn, setSsn] = useState(String(initial))
  const [count, setCount] = useState(0)
  const field = useRef<React.ComponentRef<typeof SecureInput>>(null)
  Object.assign(window, { field, rerender: () => flushSync(() => setCount(count + 1)) })
  return (
    <SecureForm
      id="form"
      onSubmit={(event) => {
        event.preventDefault()
        const data = new FormData(event.currentTarget)
        note('submit', event.currentTarget.id, ssn === data.get('ssn'), data.get('ssn'), data.get('notes'))
      }}
      onError={(error) => note('form error', error.field, error.code)}
    >
      <label htmlFor="ssn">SSN {count + Number(counter)}</label>
      <SecureInput
        ref={field}
        id="ssn"
        name="ssn"
        className="wide"
        style={{ color: 'rgb(1, 2, 3)' }}
        value={ssn}
        required
        disabled={fail === 'disabled'}
        maxLength={11}
        autoComplete="off"
        inputMode="numeric"
        enterKeyHint="done"
        aria-describedby="help"
        data-kind="secret"
        onChange={(event) => {
          note('change', count, event.target.value)
          setSsn(event.target.value)
        }}
        onFocus={() => note('focus')}
        onBlur={() => note('blur')}
        onInvalid={() => note('invalid')}
        onError={(error) => note('field error', error.code)}
      />
      <p id="help">Never leaves the frame.</p>
      <SecureTextArea
        id="notes"
        name="notes"
        rows={2}
        defaultValue={String(notes)}
        readOnly={fail === 'readOnly'}
      />
      <button id="send" type="submit">
        Send
      </button>
    </SecureForm>
  )
}

function Shown({ token }: Props) {
  const { logout } = useLunaDefend()
  return (
    <>
      <button id="logout" type="button" onClick={() => logout().then(() => note('logged out'))}>
        Log out
      </button>
      <SecureParagraph
        id="p"
        token={token as string}
        lines={2}
        onError={(error) => note('p error', error.code)}
      />
      <SecureSpan id="s" token={token as string} />
    </>
  )
}

/** Files that are kept in state, as a newcomer would. */
function Papers({ rules = {} }: Props) {
  const [tokens, setTokens] = useState<readonly string[]>([])
  return (
    <SecureForm
      onSubmit={(event) => {
        event.preventDefault()
        note('submit', new FormData(event.currentTarget).getAll('papers').join() === tokens.join())
      }}
    >
      <SecureUpload
        id="papers"
        name="papers"
        multiple
        aria-label="Papers"
        value={tokens}
        maxSize={100_000_000}
        onChange={(event) => {
          note('change', event.target.tokens.length)
          setTokens(event.target.tokens)
        }}
        onStateChange={({ fill }) => note(fill)}
        {...(rules as object)}
      />
      <button id="send" type="submit">
        Send
      </button>
    </SecureForm>
  )
}

const COLUMNS = [
  { key: 'name', label: 'Name' },
  { key: 'number', label: 'Number', secure: true, width: 200 },
]

/** Rows that change, as an app would hand them over: a new array each time. */
function Many({ tokens }: Props) {
  const { logout } = useLunaDefend()
  const rows = (tokens as string[]).map((number, index) => ({ name: `Customer ${index}`, number }))
  return (
    <>
      <button id="logout" type="button" onClick={() => logout().then(() => note('logged out'))}>
        Log out
      </button>
      <SecureTable
        id="t"
        aria-label="Customers"
        columns={COLUMNS}
        rows={rows}
        lines={4}
        onLoad={() => note('loaded')}
        onError={(error) => note('t error', error.code)}
      />
      <SecureList id="l" label="Numbers" tokens={(tokens as string[]).slice(0, 2)} lines={2} />
    </>
  )
}

/** As in a dialog that opens: something else has the focus. */
function Focused() {
  return <SecureInput id="auto" name="auto" autoFocus onFocus={() => note('focus')} />
}

function Lost() {
  return <SecureInput name="x" />
}

/** Two of any component, with one name. */
function givenTo(kind: unknown, token: unknown): Props {
  if (kind === 'shown' || kind === 'clicked') return { token }
  if (kind === 'many') {
    const columns = [{ key: 'token', label: 'One', secure: true }]
    return { label: 'One', tokens: [token], columns, rows: [{ token }] }
  }
  return { name: 'same', value: token, 'aria-label': 'One of two' }
}

function Pair({ component, kind, token = '', ...rest }: Props) {
  const Component = Object.entries(sdk).find(
    ([name]) => name === component,
  )?.[1] as React.ComponentType<Props>
  const isField = kind === 'field' || kind === 'files'
  const one = <Component className="pair" {...givenTo(kind, token)} {...(isField ? rest : {})} />
  return (
    <SecureForm onSubmit={(event) => event.preventDefault()}>
      {one}
      {one}
    </SecureForm>
  )
}

const APPS = { Profile, Papers, Shown, Focused, Pair, Many }
let root: Root | undefined

/** Mounts an application under a provider and StrictMode. */
function mount(name: keyof typeof APPS, props: Props = {}): void {
  root ??= createRoot(document.querySelector('#root') as Element)
  root.render(tree(name, props))
}

function tree(name: keyof typeof APPS, props: Props) {
  const App: React.ComponentType<Props> = APPS[name]
  return (
    <React.StrictMode>
      <LunaDefendProvider
        tokenizerUrl={Reflect.get(window, 'tokenizerUrl')}
        app={Reflect.get(window, 'appId') ?? 'test'}
        onError={(error) => Reflect.get(window, 'errors').push(`${error.field}:${error.code}`)}
      >
        <App {...props} />
      </LunaDefendProvider>
    </React.StrictMode>
  )
}

function unmount(): void {
  root?.unmount()
  root = undefined
}

function hydrate(where: Where): void {
  root = hydrateRoot(document.querySelector('#root') as Element, serverPage(where), {
    onRecoverableError: (error) => note('hydration', String(error)),
  })
}

/** What is thrown where the provider is missing. */
function mountLost(): string {
  class Catch extends React.Component<React.PropsWithChildren, { error: { code?: string } | null }> {
    override state = { error: null as { code?: string } | null }
    static getDerivedStateFromError(error: { code?: string }) {
      return { error }
    }
    override render() {
      return this.state.error === null ? this.props.children : <i id="caught">{this.state.error.code}</i>
    }
  }
  const lost = createRoot(document.querySelector('#root') as Element)
  flushSync(() =>
    lost.render(
      <Catch>
        <Lost />
      </Catch>,
    ),
  )
  return document.querySelector('#caught')?.textContent ?? ''
}

Object.assign(window, { mount, unmount, hydrate, mountLost })
