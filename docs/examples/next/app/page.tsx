import { LunaDefendProvider, SecureParagraph } from '@lunadefend/react-sdk'
import { type Login, profiles } from '../server/database.ts'
import { currentLogin } from '../server/login.ts'
import { lunadefend } from '../server/lunadefend.ts'
import { settings } from '../server/settings.ts'
import { logIn, logOut } from './actions.ts'
import { ProfileForm } from './profile-form.tsx'

export default async function Page() {
  const login = await currentLogin()
  return login === null ? <LogIn /> : <ProfilePage login={login} />
}

function LogIn() {
  return (
    <form action={logIn}>
      <label>
        Name <input name="name" required />
      </label>{' '}
      <button type="submit">Log in</button>
    </form>
  )
}

async function ProfilePage({ login }: { login: Login }) {
  const { tokenizerUrl, app } = settings()
  const { ssn, iban } = profiles.get(login.user) ?? { ssn: '', iban: '' }
  // Before tokens go to the page: this login may read them, for a quarter of an hour.
  const tokens = [ssn, iban].filter((token) => token !== '')
  if (tokens.length > 0) await lunadefend().grants.create(lunadefend().sid(login.id), tokens)
  return (
    <LunaDefendProvider tokenizerUrl={tokenizerUrl} app={app}>
      <ProfileForm ssn={ssn} iban={iban} />
      <h2>What is stored</h2>
      <SecureParagraph id="stored-ssn" token={ssn} aria-label="Social security number" />
      <SecureParagraph id="stored-iban" token={iban} aria-label="IBAN" />
      <form action={logOut}>
        <button type="submit">Log out</button>
      </form>
    </LunaDefendProvider>
  )
}
