// @ts-check
/** Texts to begin with. */

/** @type {readonly {name: string, text: string}[]} */
export const examples = [
  {
    name: "Three topics",
    text: `Simmer the tomatoes until the sauce thickens.
Whisk the eggs, then fold in the flour.
Let the dough rest before you bake the bread.
The probe sent its first pictures of Saturn's rings.
A telescope found water vapour on a distant planet.
The crew docked with the space station at dawn.
She tuned her violin before the concert.
The drummer kept a steady rhythm all night.
The choir rehearsed a new arrangement.`,
  },
  {
    name: "A question and its answers",
    text: `How do I change my password?
Open your account settings and choose a new password.
Our office is open from nine to five.
If you cannot sign in, ask for a reset link by e-mail.
Refunds reach your bank within five working days.`,
  },
  {
    name: "One sentence",
    text: "A model is a stack of layers, and a stack can be cut anywhere.",
  },
];
