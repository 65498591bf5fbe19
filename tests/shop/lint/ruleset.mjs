// What spectral asks of the document: all of its own rules and all of the OWASP API top 10's, but for what is said here.
import { oas } from '@stoplight/spectral-rulesets';
import imported from '@stoplight/spectral-owasp-ruleset';

const owasp = imported.default ?? imported;

// What a client sends: there a missing bound would be a hole. What the shop answers is as long as it is, and a client that
// refused a longer name or list than it knew of would break with the next version.
const sent = (type) => [
  `$.paths[*][*].parameters[*].schema..[?(@ && @.type=="${type}")]`,
  `$.paths[*][*].parameters[*].schema^[?(@ && @.type=="${type}")]`,
  `$.paths[*][*].requestBody.content[*].schema..[?(@ && @.type=="${type}")]`,
];
const bounded = (name, type) => ({ [name]: { ...owasp.rules[name], given: sent(type) } });
// Providers call back at these doors: they show a signature instead of a token, and are not counted.
const notWebhooks = '$.paths[?(!@property.match(/^\\/webhooks\\//))]';

export default {
  extends: [oas, owasp],
  rules: {
    ...bounded('owasp:api4:2023-string-limit', 'string'),
    ...bounded('owasp:api4:2023-array-limit', 'array'),
    // An application that acts for itself gets no refresh token (RFC 6749, 4.4.3): it can ask again. People's can be renewed.
    'owasp:api2:2023-short-lived-access-tokens': {
      ...owasp.rules['owasp:api2:2023-short-lived-access-tokens'],
      given: '$.components.securitySchemes..flows[?(@property != "clientCredentials")]',
    },
    // Names, titles and letters are in every language there is: a pattern for them would refuse somebody.
    'owasp:api4:2023-string-restricted': 'off',
    'owasp:api4:2023-rate-limit': {
      ...owasp.rules['owasp:api4:2023-rate-limit'],
      given: `${notWebhooks}..responses[?(@property.match(/^(2|4)/))]`,
    },
    'owasp:api8:2023-define-error-responses-401': {
      ...owasp.rules['owasp:api8:2023-define-error-responses-401'],
      given: `${notWebhooks}..responses`,
    },
    // The one address that a client names, that of PayPal's certificate, is handed to PayPal, who says whether the
    // signature is theirs. The shop fetches nothing from it.
    'owasp:api7:2023-concerning-url-parameter': 'off',
  },
};
