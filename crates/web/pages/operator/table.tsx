// A table of like things: a head, a row for each, wide ones scroll by themselves.
//
// Beneath all tables of the page. Invariant: each row has a header cell, so that a reader can say whose numbers these are.

import { type ComponentChild } from "preact";

/** One column of rows of this kind. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChild;
  /** Numbers stand right, under each other. */
  readonly numeric?: boolean;
}

interface Shown<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Attributes of a row that others look for. */
  readonly marks?: (row: Row) => Record<string, string>;
  /** Instead of a table without rows. */
  readonly nothing: string;
}

export function Table<Row>({ caption, columns, rows, keyOf, marks, nothing }: Shown<Row>) {
  if (rows.length === 0) return <section class="card"><h2>{caption}</h2><p class="soft">{nothing}</p></section>;
  return (
    <div class="card scrolls" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>{columns.map(({ title, numeric }) => <th key={title} scope="col" class={numeric ? "numeric" : ""}>{title}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} {...marks?.(row)}>
              {columns.map(({ title, cell, numeric }, i) => {
                const names = numeric ? "numeric figure" : "";
                return i === 0 ? <th key={title} scope="row">{cell(row)}</th> : <td key={title} class={names}>{cell(row)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A share as a bar with its number, against what would be even. */
export function Bar({ share, even, text }: { share: number | null; even: number; text: string }) {
  if (share === null) return <>{text}</>;
  return (
    <span class="bar">
      <svg width="64" height="10" aria-hidden="true">
        <rect class="track" width="64" height="10" rx="3" />
        <rect class="part" width={Math.min(64, 32 * share / Math.max(even, 1e-9))} height="10" rx="3" />
        <path class="even" d="M32 0V10" />
      </svg>
      <span class="amount">{text}</span>
    </span>
  );
}
