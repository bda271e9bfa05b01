import "@watershed/client";
export {};
