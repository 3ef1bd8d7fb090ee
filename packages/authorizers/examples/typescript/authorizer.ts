import { allow, defineAuthorizer, deny, mask } from '@lunadefend/authorizers/define'

export default defineAuthorizer(async ({ actor, action, metadata, context }) => {
  if (action !== 'detokenize') return allow()
  if (context.distinctTokens > 20) return deny('pace')
  if (metadata?.['owner'] === actor.subject) return allow()
  if (!actor.roles.includes('support')) return deny('not-the-owner')
  return context.full && context.purpose === 'callback' ? allow() : mask({ show: 'last', count: 4 })
})
