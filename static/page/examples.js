// @ts-check
/** Texts to begin with. */

/** @type {readonly {name: string, text: string}[]} */
export const examples = [
  {
    name: "Three topics",
    text: `The tomato sauce simmers until it thickens.
Add basil and garlic to the tomato sauce.
This pasta sauce tastes better with fresh tomatoes.
The probe sent back pictures of Saturn's rings.
Saturn's rings are made of ice and rock.
A spacecraft flew past the moons of Saturn.
She tuned her violin before the concert.
The violinist played the concert from memory.
An orchestra rehearses all week for one concert.`,
  },
  {
    name: "A question and its answers",
    text: `How do I change my password?
Open your account settings and choose a new password.
If you cannot sign in, ask for a reset link by e-mail.
Our office is open from nine to five.
Refunds reach your bank within five working days.`,
  },
  {
    name: "One sentence",
    text: "A model is a stack of layers, and a stack can be cut anywhere.",
  },
];
