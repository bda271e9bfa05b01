// The page: a head, the stage, the chat, and whichever dialog is open.
//
// At the top of the components. Invariant: another identity is another visit: nothing of the one before stays on the screen.

import { useCallback, useEffect, useState } from "preact/hooks";
import { counted } from "../shared/figures.ts";
import { Icon } from "../shared/icons.tsx";
import { Announcer } from "./announcer.tsx";
import { Comments } from "./comments.tsx";
import { Composer } from "./composer.tsx";
import { State } from "./connection.tsx";
import { Pinned, Top } from "./highlights.tsx";
import { fromAddress, toAddress } from "./identity.ts";
import type { Identity } from "./identity.ts";
import { Join } from "./join.tsx";
import { Keys, useKeys, useKeysOn } from "./keys.tsx";
import { Menu } from "./menu.tsx";
import type { Opened, OpenMenu } from "./menu.tsx";
import { useRefusals } from "./refusals.ts";
import { Stage } from "./stage.tsx";
import { useWatching } from "./watching.ts";

export function Page() {
  const [{ asked, identity, wrong }, setAsked] = useState(() => fromAddress(location.search));
  const [joining, setJoining] = useState(wrong !== null);
  useEffect(() => {
    if (wrong === null) history.replaceState(null, "", toAddress(identity));
    document.title = `${identity.stream} · Watershed`;
  }, [identity]);
  const join = (next: Identity) => {
    setAsked({ asked: next, identity: next, wrong: null });
    setJoining(false);
  };
  const askWho = useCallback(() => setJoining(true), []);
  return (
    <>
      <Visit key={toAddress(identity)} identity={identity} askWho={askWho} />
      {joining ? <Join identity={asked} wrong={wrong} join={join} close={() => setJoining(false)} /> : null}
    </>
  );
}

/** One viewer of one stream. */
function Visit({ identity, askWho }: { identity: Identity; askWho: () => void }) {
  const { live, view } = useWatching(identity);
  const [notice, setNotice] = useState("");
  const [opened, setOpened] = useState<Opened | null>(null);
  const [helping, setHelping] = useState(false);
  const [keysOn, setKeysOn] = useKeysOn();
  const help = useCallback(() => setHelping(true), []);
  const openMenu = useCallback<OpenMenu>((comment, at) => setOpened({ comment, at }), []);
  const closeMenu = useCallback(() => setOpened(null), []);
  useKeys(live, keysOn, help);
  useRefusals(view, setNotice);
  return (
    <div class="page">
      <header>
        <p class="brand"><Icon shape="drop" /><span>Watershed</span></p>
        <State connection={view.connection} />
        <button type="button" id="keys" class="plain" aria-label="Keys" title="Keys (?)" onClick={help}><Icon shape="keys" /></button>
        <button type="button" id="join" aria-label={`${identity.name}, watching ${identity.stream}: change`} onClick={askWho}>
          <bdi>{identity.name}</bdi>
        </button>
      </header>
      <main>
        <Stage live={live} stream={identity.stream} view={view} />
        <Top live={live} comments={view.top} />
        <section id="chat" aria-label="Chat">
          <Pinned live={live} comment={view.pinned} />
          <Comments live={live} comments={view.comments} begun={view.limits !== null} openMenu={openMenu} />
          <Unseen unseen={view.unseen} partial={view.partial} />
          <Composer live={live} limits={view.limits} name={identity.name} notice={notice} say={setNotice} />
          {opened ? <Menu live={live} opened={opened} pinnedId={view.pinned?.id ?? null} close={closeMenu} /> : null}
        </section>
      </main>
      <Announcer comments={view.comments} />
      {helping ? <Keys on={keysOn} setOn={setKeysOn} close={() => setHelping(false)} /> : null}
    </div>
  );
}

/** What is not in the list, said honestly. */
function Unseen({ unseen, partial }: { unseen: number; partial: boolean }) {
  return (
    <div class="apart">
      <p id="unseen" data-count={unseen} hidden={unseen === 0}>
        <span class="figure">{`${counted(unseen, "more comment")}`}</span> {unseen === 1 ? "was" : "were"} written than are shown here
      </p>
      <p id="partial" hidden={!partial}>Some comments are still being fetched.</p>
    </div>
  );
}
