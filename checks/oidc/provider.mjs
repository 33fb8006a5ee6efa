// A real OpenID provider on loopback, for the stories of sign-in: `node provider.mjs PORT GARTH`, where GARTH is the address of
// the server that people sign in to. Everybody is who they say, and is in the groups that stand after their name with plus
// signs between: `lin+crew+ops`.
import { Provider } from 'oidc-provider';

const [port, garth] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'garth',
    client_secret: 'a secret of some length, + and /',
    redirect_uris: [`${garth}/auth/oidc/real/callback`],
    post_logout_redirect_uris: [`${garth}/sign-in`],
    backchannel_logout_uri: `${garth}/auth/oidc/real/backchannel-logout`,
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }],
  claims: { openid: ['sub', 'groups'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  cookies: { keys: ['for tests only'] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => {
      const [name, ...groups] = id.split('+');
      return {
        sub: id, name, preferred_username: name, groups, email: `${name}@corp.example`, email_verified: true,
      };
    },
  }),
  pkce: { required: () => true },
});

provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
