// What settings a page has while it is to be done again, once it is done, and when its redo is taken back.
import { expect, it } from "vitest";
import { settled, withAsked, withMade } from "../../../../src/ui/web/jobs/redo-settings.js";
import type { StoredPicture, StoredPictures } from "../../../../src/ui/web/jobs/stored.js";

const page = (own: Partial<StoredPicture> = {}): StoredPicture => ({ id: "1", name: "1.png", ...own }) as StoredPicture;
const all = (picture: StoredPicture): StoredPictures => ({ pictures: [picture] }) as unknown as StoredPictures;
const never = (): boolean => false;
const asked = withAsked(page({ settings: { seed: 1 } }), { seed: 5 });

it("a page has what it is asked for at once, and what it was made with when that is known", () => {
  expect(asked).toEqual(page({ settings: { seed: 5 }, settingsBefore: { seed: 1 } }));
  expect(withAsked(asked, { seed: 6 })).toEqual(page({ settings: { seed: 6 }, settingsBefore: { seed: 1 } }));
  expect(settled(all(asked), never).pictures).toEqual([page({ settings: { seed: 1 } })]);
  expect(settled(all(asked), never, () => ({ seed: 5 })).pictures).toEqual([page({ settings: { seed: 5 } })]);
});

it("a page that is asked for again goes back to the picture that it got meanwhile", () => {
  const again = withAsked(asked, { seed: 9 });
  const later = settled(
    all(again),
    () => true,
    () => ({ seed: 5 }),
  );
  expect(later.pictures).toEqual([page({ settings: { seed: 9 }, settingsBefore: { seed: 5 } })]);
  expect(settled(all(again), () => true).pictures).toEqual([again]);
  expect(settled(later, never).pictures).toEqual([page({ settings: { seed: 5 } })]);
});

it("a page that is finished after its redo was taken back has what it was made with, unless it was set anew", () => {
  const takenBack = settled(all(asked), never);
  const made = (): object => ({ seed: 5 });
  expect(withMade(takenBack, all(asked), made).pictures).toEqual([page({ settings: { seed: 5 } })]);
  expect(withMade(takenBack, all(asked), () => undefined)).toBe(takenBack);
  const setAnew = all(page({ settings: { seed: 7 } }));
  expect(withMade(setAnew, all(asked), made)).toBe(setAnew);
});
