import { type LunaDefendError, SecureInput, SecureParagraph } from '@lunadefend/react-sdk'
import { type FormEvent, useEffect, useState } from 'react'
import { Attempt } from './attempt.tsx'
import { askObjectStore, askTokenizer, askWithoutPreflight, readFrame } from './attempts.ts'
import { Notice } from './notice.tsx'
import { readNeighbour } from './server-calls.ts'
import type { Settings } from './settings.ts'
import { TokenText } from './token-text.tsx'
import { useProfile } from './use-profile.ts'

export function StealPage({ settings }: { readonly settings: Settings }) {
  const profile = useProfile()
  if (profile === null) return <p className="loading">One moment…</p>
  if (typeof profile === 'string') return <Notice kind="bad">{profile}</Notice>
  return (
    <>
      <h1>Try to steal it</h1>
      <p className="lead">
        Suppose that a script of a thief runs in this very page: a bad dependency, a cross-site scripting
        hole. Every button below lets it loose, for real. Open the network inspector beside it.
      </p>
      {profile.ssn === '' ? (
        <Notice kind="bad">
          There is nothing to steal yet: save a social security number in your profile first.
        </Notice>
      ) : (
        <OwnSecret settings={settings} token={profile.ssn} />
      )}
      <KeyLogger />
      <OtherPeople />
      {settings.objectsUrl !== '' && <ObjectStore objectsUrl={settings.objectsUrl} />}
    </>
  )
}

function OwnSecret({ settings, token }: { readonly settings: Settings; readonly token: string }) {
  return (
    <>
      <Attempt
        title="Ask the Tokenizer with your cookie"
        run={() => askTokenizer(settings.tokenizerUrl, token)}
        why="The page may hold the token, and your browser would send your cookie along. But the Tokenizer lets no other
          origin ask: the browser’s question beforehand (CORS) gets no permission. Only the secure frame, which is of the
          Tokenizer’s own origin, gets an answer."
      />
      <Attempt
        title="Ask without the browser asking first"
        run={() => askWithoutPreflight(settings.tokenizerUrl, token)}
        why="This request does reach the Tokenizer. It sees from Sec-Fetch-Site that the frame did not send it, and refuses;
          and its answer says that no other origin may have it, so the browser withholds even the refusal."
      />
      <Attempt
        title="Look into the frame that shows it"
        run={async () => readFrame(document.getElementById('target'))}
        why="Here is your number, in a frame. You can read it, and a script of this page cannot: it is a document of
          another origin, and the same-origin policy is as old as JavaScript."
      >
        <SecureParagraph
          id="target"
          token={token}
          aria-label="Your social security number"
          lines={1}
          className="secret"
        />
      </Attempt>
    </>
  )
}

/** Counts every key that this page hears. */
function KeyLogger() {
  const [keys, setKeys] = useState('')
  useEffect(() => {
    const listen = (event: KeyboardEvent) => setKeys((all) => (all + event.key).slice(-40))
    window.addEventListener('keydown', listen, { capture: true })
    return () => window.removeEventListener('keydown', listen, { capture: true })
  }, [])
  return (
    <section className="card attempt" aria-labelledby="keys-title">
      <h2 id="keys-title">Log your keystrokes</h2>
      <p>A key logger is running in this page since you opened it. Type into both fields and compare.</p>
      <label htmlFor="plain-try">A plain field</label>
      <input id="plain-try" autoComplete="off" />
      <label htmlFor="secure-try">A secure field</label>
      <SecureInput id="secure-try" className="secure" />
      <p>What the key logger has heard:</p>
      <pre className="saw" aria-live="polite">
        {keys === '' ? 'not one key' : keys}
      </pre>
      <p className="why">
        Keys go to the document that has the focus. In the secure field that is the frame’s.
      </p>
    </section>
  )
}

/** A token that belongs to somebody else. */
function OtherPeople() {
  const [tried, setTried] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const attempt = (token: string) => {
    setProblem(null)
    setTried(token)
  }
  const paste = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    attempt(String(new FormData(event.currentTarget).get('stolen')).trim())
  }
  const askForAda = () =>
    readNeighbour().then(
      ({ token }) => attempt(token),
      (error: Error) => setProblem(error.message),
    )
  return (
    <section className="card attempt" aria-labelledby="other-title">
      <h2 id="other-title">Use the token of another user</h2>
      <p>
        Databases leak, and so tokens leak. Take the one of Ada, who lives in this demo’s database, or paste
        one that you saw in another account.
      </p>
      <button type="button" onClick={askForAda}>
        Take Ada’s token
      </button>
      <form className="line" onSubmit={paste}>
        <label htmlFor="stolen">Another token</label>
        <input
          id="stolen"
          name="stolen"
          required
          placeholder="lunasec-…"
          autoComplete="off"
          spellCheck={false}
        />
        <button type="submit">Try to read it</button>
      </form>
      {problem !== null && <Notice kind="bad">{problem}</Notice>}
      {tried !== '' && <StolenToken key={tried} token={tried} />}
      <p className="why">
        A token alone opens nothing. This server would have to let your session read it, and it does that only
        for what is in your own row. Whether a token is foreign, revoked or unknown, the answer is the same.
      </p>
    </section>
  )
}

function StolenToken({ token }: { readonly token: string }) {
  const [error, setError] = useState<LunaDefendError | null>(null)
  return (
    <>
      <p>
        <TokenText token={token} />
      </p>
      <SecureParagraph
        id="stolen-value"
        token={token}
        aria-label="The value of another user"
        className="secret"
        onError={setError}
      />
      {error !== null && (
        <Notice kind="good">Refused: {error.code}. The frame got no address and no key.</Notice>
      )}
    </>
  )
}

function ObjectStore({ objectsUrl }: { readonly objectsUrl: string }) {
  const [url, setUrl] = useState('')
  return (
    <Attempt
      title="Fetch it from the object store"
      run={() => askObjectStore(url.trim() || `${objectsUrl}/lunadefend?list-type=2`)}
      why="The URL is signed for a request that carries the key of this one object in a header, and expires after a minute.
        Without the key the store has nothing but ciphertext, and it answers no origin but the Tokenizer’s. Open the URL in
        a tab of its own to read its refusal."
    >
      <p>
        Open your vault, find the request to the object store in the network inspector and copy its address.
        Without one the script tries to list everything.
      </p>
      <label htmlFor="object-url">Address of an object</label>
      <input
        id="object-url"
        value={url}
        onChange={(event) => setUrl(event.target.value)}
        placeholder={objectsUrl}
        autoComplete="off"
      />
    </Attempt>
  )
}
