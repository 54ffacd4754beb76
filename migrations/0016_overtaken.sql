-- Whether a creation that was begun was decided under rules that hold no more.
ALTER TABLE intent ADD COLUMN overtaken INTEGER NOT NULL DEFAULT 0;
