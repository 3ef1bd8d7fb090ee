import { currentLogin } from '../../../server/login.ts'
import { lunadefend } from '../../../server/lunadefend.ts'
import { settings } from '../../../server/settings.ts'

/** Serves /.lunadefend/session, where a secure frame learns who is logged in. */
function answer(request: Request): Promise<Response> {
  const route = lunadefend().fetchRouter({
    origins: [settings().origin],
    async session() {
      const login = await currentLogin()
      return login && { id: login.id, subject: login.user }
    },
    async pinning(_request, thumbprint) {
      const login = await currentLogin()
      if (login === null) return null
      // At once, with nothing in between: two requests at the same moment must not pin two keys.
      login.pinned ??= thumbprint
      return login.pinned
    },
  })
  return route(request)
}

export { answer as GET, answer as POST }
